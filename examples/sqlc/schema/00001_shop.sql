-- +goose Up
CREATE TABLE products (
    id          bigint  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name        text    NOT NULL UNIQUE,
    price_cents integer NOT NULL,
    stock       integer NOT NULL CHECK (stock >= 0)
);

CREATE TABLE orders (
    id         bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    product_id bigint      NOT NULL REFERENCES products (id),
    quantity   integer     NOT NULL CHECK (quantity > 0),
    ordered_at timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX orders_by_product ON orders (product_id);

-- +goose Down
DROP TABLE orders;
DROP TABLE products;
