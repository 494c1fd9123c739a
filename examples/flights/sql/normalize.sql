SELECT $date                            AS flight_date,
       f.carrier, a.name                AS carrier_name,
       f.flight, f.tailnum, f.origin, f.dest, f.distance,
       minute_of_day(f.sched_dep_time)  AS sched_minute,      -- a Rust function: worker/src/main.rs
       f.dep_delay, f.arr_delay,
       f.dep_time IS NULL               AS cancelled,
       f.arr_delay > $late_after        AS late
FROM input AS f
LEFT JOIN airlines AS a ON a.carrier = f.carrier
