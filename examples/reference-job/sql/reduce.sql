SELECT suppkey, ship_month,
       SUM(net)                AS net,
       SUM(quantity)           AS quantity,
       COUNT(*)                AS rows,
       COUNT(DISTINCT partkey) AS parts,
       MAX(discount)           AS max_discount
FROM input
GROUP BY suppkey, ship_month
