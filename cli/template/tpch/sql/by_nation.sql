SELECT r.name                        AS region,
       n.name                        AS nation,
       t.year,
       SUM(t.lines)                  AS lines,
       SUM(t.revenue)                AS revenue,
       RANK() OVER (PARTITION BY t.year ORDER BY SUM(t.revenue) DESC) AS rank
FROM totals AS t
JOIN nation AS n ON n.nationkey = t.nation
JOIN region AS r ON r.regionkey = n.region
GROUP BY r.name, n.name, t.year
ORDER BY year, rank
