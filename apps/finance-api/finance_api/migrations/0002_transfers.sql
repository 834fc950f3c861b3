CREATE TABLE transfers (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    from_account  bigint NOT NULL REFERENCES accounts (id),
    to_account    bigint NOT NULL REFERENCES accounts (id),
    amount        numeric(14, 2) NOT NULL CHECK (amount > 0),
    request_id    text UNIQUE,
    created_at    timestamptz NOT NULL DEFAULT now(),
    CHECK (from_account <> to_account)
);

CREATE INDEX transfers_from_account ON transfers (from_account, id);
CREATE INDEX transfers_to_account ON transfers (to_account, id);
