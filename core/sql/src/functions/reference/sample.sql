CREATE TABLE t (k INTEGER, g VARCHAR, v INTEGER, x DOUBLE, s VARCHAR);
INSERT INTO t VALUES
  (1, 'a', 3, 1.5, 'red'),
  (2, 'a', NULL, 2.5, 'blue'),
  (3, 'b', 5, 0.5, 'red'),
  (4, 'b', 5, NULL, NULL),
  (5, 'b', 1, 4.0, 'green');
