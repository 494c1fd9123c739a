-- What suppliers sold to customers of their own nation, in one bucket of orders.
SELECT s.nation,
       YEAR(o.ordered)               AS year,
       COUNT(*)                      AS lines,
       SUM(CAST(l.price * (1 - l.discount) AS DECIMAL(18,4))) AS revenue
FROM lines AS l
JOIN orders   AS o ON o.orderkey = l.orderkey
JOIN customer AS c ON c.custkey  = o.custkey
JOIN supplier AS s ON s.suppkey  = l.suppkey AND s.nation = c.nation
GROUP BY s.nation, YEAR(o.ordered)
