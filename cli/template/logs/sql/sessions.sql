-- A session ends after half an hour without a request.
WITH gaps AS (
  SELECT *,
         CASE WHEN DATE_DIFF('second', LAG(time) OVER (PARTITION BY visitor ORDER BY time, path), time) <= 1800
              THEN 0 ELSE 1 END AS begins
  FROM input
), numbered AS (
  SELECT *, SUM(begins) OVER (PARTITION BY visitor ORDER BY time, path ROWS UNBOUNDED PRECEDING) AS session
  FROM gaps
)
SELECT visitor, session,
       MIN(time)                             AS began,
       MAX(time)                             AS ended,
       COUNT(*)                              AS requests,
       COUNT(*) FILTER (WHERE status >= 400) AS errors,
       SUM(bytes)                            AS bytes,
       MAX(took_ms)                          AS slowest_ms,
       FIRST(path ORDER BY time, path)       AS entry
FROM numbered
GROUP BY visitor, session
