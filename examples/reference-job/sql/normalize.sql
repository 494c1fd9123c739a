SELECT orderkey, partkey, suppkey, quantity, discount,
       extendedprice * (1 - discount)   AS net,
       LOWER(TRIM(shipmode))            AS shipmode,
       LOWER(TRIM(shipinstruct))        AS shipinstruct,
       STRFTIME(shipdate, '%Y-%m')      AS ship_month
FROM input
WHERE quantity > 0
