SELECT order_id, UPPER(TRIM(country)) AS country,
       CAST(amount AS DOUBLE) * (1 + $vat) AS gross
FROM input
WHERE status <> 'cancelled'
