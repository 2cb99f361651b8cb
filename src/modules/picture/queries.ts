import type { Statement } from '../../platform/database.ts';
import { pictureColumns } from '../user/queries.ts';

/** Pictures by $1 ids that $2 viewer (null: anonymous) may see: active ones, and any of their own. By primary key. */
export const picturesForViewer: Statement = {
  name: 'pictures_for_viewer',
  text: `
select ${pictureColumns}
from pictures picture
where picture.id = any($1::uuid[])
  and (picture.is_active or picture.user_id = $2)
  and not exists (select from blocks where blocker_id = $2 and blocked_id = picture.user_id)
  and not exists (select from blocks where blocker_id = picture.user_id and blocked_id = $2)`,
};
