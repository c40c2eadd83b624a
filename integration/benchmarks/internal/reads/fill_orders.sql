INSERT INTO orders
SELECT i,
       i % 50000,
       (ARRAY['new', 'packed', 'shipped', 'returned'])[1 + i % 4],
       'City of ' || (i * 7919) % 10000,
       i % 90,
       i % 5,
       (i * 7919 % 100000) / 100.0,
       i % 3 = 0,
       timestamptz '2024-01-01' + i * interval '31 seconds',
       timestamptz '2024-01-01' + i * interval '37 seconds',
       'left with the neighbour at no. ' || i % 300,
       'REF-' || lpad(i::text, 12, '0'),
       CASE WHEN i % 5 > 0 THEN timestamptz '2024-02-01' + (i * 7919 % 1000003) * interval '1 second' END
FROM generate_series(1, $1::bigint) AS i;
