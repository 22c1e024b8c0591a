import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { goldenFiles } from './golden-files.ts'

/**
 * What kafka-dump-log printed for every golden file whose name ends so: the file's path and its lines. Only the brokers'
 * cases have dumps with the folders' names in them.
 */
export function goldenDumps(ending: string): { path: string; lines: string[] }[] {
  const dumps: { path: string; lines: string[] }[] = []
  for (const dump of [...goldenFiles('/dump.txt'), ...goldenFiles('/dump.txt.gz')]) {
    const bytes = readFileSync(dump)
    let folder = ''
    let current: { path: string; lines: string[] } | undefined
    for (const line of (dump.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('latin1').split('\n')) {
      if (line.startsWith('=== ')) folder = line.slice(4)
      else if (line.startsWith('Dumping '))
        current = { path: join(dirname(dump), 'log-dir', folder, line.slice(8)), lines: [] }
      else current?.lines.push(line)
      if (current?.lines.length === 0 && current.path.endsWith(ending)) dumps.push(current)
    }
  }
  return dumps
}
