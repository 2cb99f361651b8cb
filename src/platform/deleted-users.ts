/** Whatever keeps something of users in memory: a cache, an open connection. */
export interface UserHolder {
  /** Lets go of everything of this user. */
  forget(userId: string): void;
  /** The users that something is kept of, for whoever has to ask which of them were deleted meanwhile. */
  heldUserIds(): Iterable<string>;
}

/** Users who were deleted while this process runs: nothing that it still holds of them counts. */
export interface DeletedUsers {
  /** Null, an anonymous viewer, never was. */
  has(userId: string | null): boolean;
  /** Makes every holder forget the user. */
  add(userId: string): void;
  watch(holder: UserHolder): void;
  heldUserIds(): string[];
}

/** Longer than any request or token of theirs lasts. The database knows all of them. */
const limit = 10_000;

export function createDeletedUsers(): DeletedUsers {
  const deleted = new Set<string>();
  const holders: UserHolder[] = [];
  return {
    has: (userId) => userId !== null && deleted.has(userId),
    add(userId) {
      const oldest = deleted.size >= limit ? deleted.values().next().value : undefined;
      if (oldest !== undefined) deleted.delete(oldest);
      deleted.add(userId);
      for (const holder of holders) holder.forget(userId);
    },
    watch: (holder) => void holders.push(holder),
    heldUserIds: () => [...new Set(holders.flatMap((holder) => [...holder.heldUserIds()]))],
  };
}
