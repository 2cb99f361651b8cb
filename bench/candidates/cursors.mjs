/** @param {Date} time @param {string} id */
export const encodeCursor = (time, id) => Buffer.from(`${time.toISOString()} ${id}`).toString('base64url');

/** The time and the id of a cursor's row; without a cursor those that come before every row. */
export const decodeCursor = (cursor) =>
  cursor
    ? Buffer.from(cursor, 'base64url').toString().split(' ')
    : ['infinity', '00000000-0000-0000-0000-000000000000'];
