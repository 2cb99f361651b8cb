-- Deleting an account leaves its id nowhere but in the tombstone, and in what Clerk still has to be told: this finds the
-- deliveries that have to forget it. Prisma passes over partial indexes.
CREATE INDEX webhook_deliveries_user_id_idx ON webhook_deliveries (user_id) WHERE user_id IS NOT NULL;
