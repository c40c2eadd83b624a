-- name: OrderByID :one
SELECT id, customer_id, status, city, quantity, priority, price, paid, created_at, updated_at, note, reference
FROM orders
WHERE id = $1;

-- name: Orders10 :many
SELECT id, customer_id, status, city, quantity, priority, price, paid, created_at, updated_at
FROM orders
ORDER BY id
LIMIT $1;

-- name: Orders12 :many
SELECT id, customer_id, status, city, quantity, priority, price, paid, created_at, updated_at, note, reference
FROM orders
ORDER BY id
LIMIT $1;

-- name: Products :many
SELECT id, name, description, supplier, tags, ratings, sizes, attributes, weight, discount,
       stock, minimum, active, featured, rank, views, released, created_at, updated_at, retired_at
FROM products
ORDER BY id
LIMIT $1;
