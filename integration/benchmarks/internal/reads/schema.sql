CREATE TABLE orders (
    id          bigint           PRIMARY KEY,
    customer_id bigint           NOT NULL,
    status      text             NOT NULL,
    city        text             NOT NULL,
    quantity    integer          NOT NULL,
    priority    smallint         NOT NULL,
    price       double precision NOT NULL,
    paid        boolean          NOT NULL,
    created_at  timestamptz      NOT NULL,
    updated_at  timestamptz      NOT NULL,
    note        text             NOT NULL,
    reference   text             NOT NULL,
    shipped_at  timestamptz
);

CREATE TABLE products (
    id          bigint           PRIMARY KEY,
    name        text             NOT NULL,
    description text,
    supplier    text,
    tags        text[]           NOT NULL,
    ratings     double precision[] NOT NULL,
    sizes       integer[]        NOT NULL,
    attributes  jsonb            NOT NULL,
    weight      real             NOT NULL,
    discount    double precision,
    stock       integer          NOT NULL,
    minimum     integer,
    active      boolean          NOT NULL,
    featured    boolean          NOT NULL,
    rank        smallint         NOT NULL,
    views       bigint           NOT NULL,
    released    date             NOT NULL,
    created_at  timestamptz      NOT NULL,
    updated_at  timestamptz      NOT NULL,
    retired_at  timestamptz
);
