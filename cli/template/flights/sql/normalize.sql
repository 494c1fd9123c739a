SELECT $date                            AS flight_date,
       f.carrier, a.name                AS carrier_name,
       f.flight, f.tailnum, f.origin, f.dest, f.distance,
       f.sched_dep_time // 100 * 60 + f.sched_dep_time % 100 AS sched_minute,   -- 517 is 05:17
       f.dep_delay, f.arr_delay,
       f.dep_time IS NULL               AS cancelled,
       f.arr_delay > $late_after        AS late
FROM input AS f
LEFT JOIN airlines AS a ON a.carrier = f.carrier
