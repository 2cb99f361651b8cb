import type { UserJSON } from '@clerk/backend';
import { randomId } from './app.ts';

/** A user of Clerk's, exactly as its Backend API and its webhooks describe one. */
export type ClerkUserJson = UserJSON;

/** What a test says of a user; the rest is made up. Null takes a value away. */
export interface ClerkUserInput {
  id?: string;
  username?: string | null;
  /** The primary address. */
  email?: string | null;
  /** Further addresses, none of them primary. */
  otherEmails?: string[];
  firstName?: string | null;
  lastName?: string | null;
  /** Null: Clerk shows a picture of its own making. */
  imageUrl?: string | null;
  createdAt?: Date;
  /** Later than before, unless a test says otherwise. */
  updatedAt?: Date;
}

/** Clerk's users, and the rules that it keeps to among them. */
export interface ClerkUsers {
  /** Usernames aren't checked here: what a test says, is. */
  add(input?: ClerkUserInput): ClerkUserJson;
  change(id: string, input: ClerkUserInput): ClerkUserJson;
  /** Changes what Clerk's JSON has, and moves `updated_at`. */
  patch(id: string, values: Partial<ClerkUserJson>): ClerkUserJson;
  remove(id: string): void;
  find(id: string): ClerkUserJson | undefined;
  /** Oldest first. */
  all(): readonly ClerkUserJson[];
  /** Whether another user than `id` has the username, in any case. */
  isTaken(username: string, id: string): boolean;
}

export const madeByClerk = 'https://img.clerk.com/generated-initials';

export function createClerkUsers(): ClerkUsers {
  const byId = new Map<string, ClerkUserJson>();
  let ordered: readonly ClerkUserJson[] | null = null;

  const put = (user: ClerkUserJson): ClerkUserJson => {
    byId.set(user.id, user);
    ordered = null;
    // A test that keeps what it got must not see later changes in it.
    return structuredClone(user);
  };
  const existing = (id: string): ClerkUserJson => {
    const user = byId.get(id);
    if (!user) throw new Error(`Clerk has no user ${id}.`);
    return user;
  };
  const patch = (id: string, values: Partial<ClerkUserJson>): ClerkUserJson => {
    const user = existing(id);
    return put({ ...user, updated_at: Math.max(Date.now(), user.updated_at + 1), ...values });
  };

  return {
    add: (input = {}) => put({ ...newUser(input.createdAt ?? new Date()), ...toJson(input) }),
    change: (id, input) => patch(id, toJson(input, existing(id))),
    patch,
    remove(id) {
      existing(id);
      byId.delete(id);
      ordered = null;
    },
    find: (id) => byId.get(id),
    all() {
      ordered ??= [...byId.values()].sort((a, b) => a.created_at - b.created_at || (a.id < b.id ? -1 : 1));
      return ordered;
    },
    isTaken: (username, id) =>
      [...byId.values()].some((user) => user.id !== id && user.username?.toLowerCase() === username.toLowerCase()),
  };
}

function newUser(createdAt: Date): ClerkUserJson {
  return {
    object: 'user',
    id: `user_${randomId()}`,
    username: null,
    first_name: null,
    last_name: null,
    locale: null,
    image_url: madeByClerk,
    has_image: false,
    primary_email_address_id: null,
    primary_phone_number_id: null,
    primary_web3_wallet_id: null,
    password_enabled: true,
    two_factor_enabled: false,
    totp_enabled: false,
    backup_code_enabled: false,
    email_addresses: [],
    phone_numbers: [],
    web3_wallets: [],
    organization_memberships: null,
    external_accounts: [],
    enterprise_accounts: [],
    password_last_updated_at: null,
    public_metadata: {},
    private_metadata: {},
    unsafe_metadata: {},
    external_id: null,
    last_sign_in_at: null,
    banned: false,
    locked: false,
    lockout_expires_in_seconds: null,
    verification_attempts_remaining: 100,
    created_at: createdAt.getTime(),
    updated_at: createdAt.getTime(),
    last_active_at: null,
    create_organization_enabled: true,
    create_organizations_limit: null,
    delete_self_enabled: true,
    legal_accepted_at: null,
  };
}

function toJson(input: ClerkUserInput, before?: ClerkUserJson): Partial<ClerkUserJson> {
  return {
    ...(input.id !== undefined && { id: input.id }),
    ...(input.username !== undefined && { username: input.username }),
    ...(input.firstName !== undefined && { first_name: input.firstName }),
    ...(input.lastName !== undefined && { last_name: input.lastName }),
    ...(input.imageUrl !== undefined && { image_url: input.imageUrl ?? madeByClerk, has_image: !!input.imageUrl }),
    ...(input.createdAt && { created_at: input.createdAt.getTime() }),
    ...(input.updatedAt && { updated_at: input.updatedAt.getTime() }),
    ...toAddresses(input, before),
  };
}

function toAddresses({ email, otherEmails }: ClerkUserInput, before?: ClerkUserJson): Partial<ClerkUserJson> {
  if (email === undefined && !otherEmails) return {};
  const primary = before?.email_addresses.find(({ id }) => id === before.primary_email_address_id)?.email_address;
  const kept = before?.email_addresses.map(({ email_address }) => email_address).filter((one) => one !== primary);
  const others = (otherEmails ?? kept ?? []).map(toAddress);
  const address = email === undefined ? primary : email;
  if (!address) return { email_addresses: others, primary_email_address_id: null };
  const first = toAddress(address);
  // The primary one isn't the first of Clerk's list.
  return { email_addresses: [...others, first], primary_email_address_id: first.id };
}

const toAddress = (address: string): ClerkUserJson['email_addresses'][number] => ({
  object: 'email_address',
  id: `idn_${randomId()}`,
  email_address: address,
  verification: {
    object: 'verification' as never,
    id: `ver_${randomId()}`,
    status: 'verified',
    strategy: 'email_code',
    attempts: 1,
    expire_at: null,
  },
  linked_to: [],
});
