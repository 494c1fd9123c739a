SELECT ship_month,
       SUM(net)                AS net,
       SUM(quantity)           AS quantity,
       SUM(rows)               AS rows,
       COUNT(DISTINCT suppkey) AS suppliers
FROM input
GROUP BY ship_month
ORDER BY ship_month
