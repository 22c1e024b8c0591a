import { execFileSync } from 'node:child_process'
import { closeSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryFolder } from './temporary-folder.ts'

/** A named pipe. `openWriter()` needs a reader to be there, else it blocks this thread. */
export function makeFifo(): { path: string; openWriter: () => { write(text: string): void; close(): void } } {
  const path = join(temporaryFolder(), 'fifo')
  execFileSync('mkfifo', [path])
  return {
    path,
    openWriter: () => {
      const fd = openSync(path, 'w')
      return { write: text => void writeSync(fd, text), close: () => closeSync(fd) }
    },
  }
}
