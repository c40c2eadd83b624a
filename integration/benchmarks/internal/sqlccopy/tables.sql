-- The tables that the benchmarks of writes make for what is generated here.
CREATE TABLE copy_narrow_sqlc (
    id          bigint           NOT NULL,
    customer_id bigint           NOT NULL,
    quantity    integer          NOT NULL,
    price       double precision NOT NULL
);

CREATE TABLE copy_wide_sqlc (
    id bigint           NOT NULL,
    a1 bigint           NOT NULL,
    a2 bigint           NOT NULL,
    a3 bigint           NOT NULL,
    b1 integer          NOT NULL,
    b2 integer          NOT NULL,
    b3 integer          NOT NULL,
    b4 integer          NOT NULL,
    c1 double precision NOT NULL,
    c2 double precision NOT NULL,
    c3 double precision NOT NULL,
    d1 boolean          NOT NULL,
    d2 boolean          NOT NULL,
    e1 timestamptz      NOT NULL,
    e2 timestamptz      NOT NULL,
    f1 text             NOT NULL,
    f2 text             NOT NULL,
    f3 text             NOT NULL,
    f4 text             NOT NULL,
    f5 text             NOT NULL
);

CREATE TABLE copy_nulls_sqlc (
    id          bigint NOT NULL,
    customer_id bigint,
    quantity    integer,
    price       double precision,
    paid        boolean,
    shipped_at  timestamptz,
    note        text
);
