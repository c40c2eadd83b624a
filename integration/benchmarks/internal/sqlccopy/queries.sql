-- name: CopyNarrow :copyfrom
INSERT INTO copy_narrow_sqlc (id, customer_id, quantity, price)
VALUES ($1, $2, $3, $4);

-- name: CopyWide :copyfrom
INSERT INTO copy_wide_sqlc (id, a1, a2, a3, b1, b2, b3, b4, c1, c2, c3, d1, d2, e1, e2, f1, f2, f3, f4, f5)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20);

-- name: CopyNulls :copyfrom
INSERT INTO copy_nulls_sqlc (id, customer_id, quantity, price, paid, shipped_at, note)
VALUES ($1, $2, $3, $4, $5, $6, $7);
