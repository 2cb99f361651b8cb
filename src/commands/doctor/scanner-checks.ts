import type { Config } from '../../config.ts';
import { maxFileBytes } from '../../modules/picture/service.ts';
import { readClamdVersion, scanByClamd } from '../../platform/clamd.ts';
import { type Finding, failed, ok, skipped, warning } from './examination.ts';

type ClamavConfig = NonNullable<Config['clamav']>;

/** freshclam brings new ones every day. */
const oldSignaturesMs = 7 * 86_400_000;

/** Whether clamd can be asked, takes files of any size that is accepted here, and knows what is going round. */
export async function checkScanner(clamav: Config['clamav']): Promise<Finding> {
  if (!clamav) return skipped('no CLAMAV_HOST: uploads are not looked at by a virus scanner');
  try {
    const version = await readClamdVersion(clamav);
    return (await checkFileSize(clamav)) ?? toSignatures(clamav, version);
  } catch (error) {
    return toFailure(clamav, (error as Error).message, 'clamd has to run there, with TCPSocket in its clamd.conf');
  }
}

async function checkFileSize(clamav: ClamavConfig): Promise<Finding | null> {
  try {
    await scanByClamd(clamav, Buffer.alloc(maxFileBytes));
    return null;
  } catch (error) {
    const found = `clamd doesn't scan a file of ${maxFileBytes / 1024 ** 2} MiB (${(error as Error).message})`;
    return toFailure(clamav, found, 'StreamMaxLength in its clamd.conf has to be 10M or more');
  }
}

/** Where uploads go on without it, the deployment works. */
const toFailure = ({ whenUnavailable }: ClamavConfig, found: string, advice: string): Finding =>
  whenUnavailable === 'refuse'
    ? failed(`${found}: every upload is refused`, advice)
    : warning(`${found}: uploads are accepted without it`, advice);

function toSignatures({ whenUnavailable }: ClamavConfig, version: string): Finding {
  const [engine = '', , date = ''] = version.split('/');
  const ageMs = Date.now() - Date.parse(`${date} UTC`);
  if (Number.isNaN(ageMs)) return warning(`${engine} has none of ClamAV's own signatures`, 'Run freshclam beside it');
  const without = `while it is away, uploads are ${whenUnavailable === 'refuse' ? 'refused' : 'accepted'}`;
  const found = `${engine}, signatures of ${date}; ${without}`;
  return ageMs > oldSignaturesMs ? warning(found, 'Run freshclam beside it: these know nothing new') : ok(found);
}
