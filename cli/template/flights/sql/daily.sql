SELECT flight_date,
       SUM(flights)                      AS flights,
       SUM(cancelled)                    AS cancelled,
       SUM(late)                         AS late,
       ROUND(CAST(SUM(arr_delay_sum) AS DOUBLE) / SUM(arr_known), 1) AS avg_arr_delay
FROM input
GROUP BY flight_date
