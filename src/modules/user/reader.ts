import type { Statement } from '../../platform/database.ts';
import type { UserRecord } from './record.ts';

/** A statement as viewers read by it, and as administrators do: what no viewer pays for stands in the second alone. */
export interface ReadStatements {
  viewer: Statement;
  administrator: Statement;
}

/** Both statements of a name. */
export const forBoth = (
  name: string,
  toStatement: (reader: { asAdministrator: boolean }) => Omit<Statement, 'name'>,
): ReadStatements => ({
  viewer: { name, ...toStatement({ asAdministrator: false }) },
  administrator: { name: `${name}_administrator`, ...toStatement({ asAdministrator: true }) },
});

/** The one of the two by which this viewer reads. */
export const statementFor = (viewer: { isAdministrator: boolean } | null, statements: ReadStatements): Statement =>
  viewer?.isAdministrator ? statements.administrator : statements.viewer;

/** Takes down which parts of whom an administrator read, and could not have read as anybody else. */
export interface ReadNotes {
  note(ownerId: string, part: string): void;
}

/** Whoever is blocked learns nothing of the other, not even that they are there: an administrator does, by this record. */
export function noteMeeting(notes: ReadNotes, { id, relation }: Pick<UserRecord, 'id' | 'relation'>): void {
  if (relation.isAdministrator && relation.isBlocked) notes.note(id, 'user');
}
