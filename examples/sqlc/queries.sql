-- name: AddProducts :copyfrom
INSERT INTO products (name, price_cents, stock)
VALUES ($1, $2, $3);

-- name: ProductByName :one
SELECT *
FROM products
WHERE name = $1;

-- name: Sales :many
SELECT p.name, count(*) AS orders, sum(o.quantity)::bigint AS sold
FROM products p
JOIN orders o ON o.product_id = p.id
GROUP BY p.name
ORDER BY sold DESC, p.name;

-- name: TakeFromStock :execrows
UPDATE products
SET stock = stock - sqlc.arg(quantity)::integer
WHERE id = sqlc.arg(product_id) AND stock >= sqlc.arg(quantity)::integer;

-- name: AddOrder :one
INSERT INTO orders (product_id, quantity)
VALUES ($1, $2)
RETURNING *;
