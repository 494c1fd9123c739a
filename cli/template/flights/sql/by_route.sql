SELECT flight_date, carrier, carrier_name, origin, dest,
       COUNT(*)                          AS flights,
       COUNT(*) FILTER (WHERE cancelled) AS cancelled,
       COUNT(*) FILTER (WHERE late)      AS late,
       COUNT(arr_delay)                  AS arr_known,
       SUM(arr_delay)                    AS arr_delay_sum      -- sums merge, averages do not
FROM input
GROUP BY flight_date, carrier, carrier_name, origin, dest
