import { createInterface, type Interface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { execa, execaSync, type ResultPromise } from 'execa'
import { onTestFinished } from 'vitest'
import type { LockRange } from '../../src/log/file/lock-file.ts'
import type { LockMode } from '../../src/log/file/posix.ts'
import { nodeExecutable } from './run-loglady.ts'

const script = fileURLToPath(new URL('lock-holder.process.ts', import.meta.url))

/** Takes POSIX locks, as Java's FileChannel does, and speaks the same lines. */
const pythonScript = `
import fcntl, sys
file = open(sys.argv[1], 'r+b')
def answer(text):
    sys.stdout.write(text + '\\n')
    sys.stdout.flush()
answer('open')
for line in sys.stdin:
    verb, start, length, mode = (line.split() + [''])[:4]
    if verb == 'unlock':
        fcntl.lockf(file, fcntl.LOCK_UN, int(length), int(start))
        answer('unlocked')
    else:
        kind = fcntl.LOCK_EX if mode == 'exclusive' else fcntl.LOCK_SH
        try:
            fcntl.lockf(file, kind | fcntl.LOCK_NB, int(length), int(start))
            answer('held')
        except OSError:
            answer('refused')
`

/** Whether python3 is there to play the broker. Says so if not, as tests are then left out. */
export function hasPython(): boolean {
  const found = execaSync('python3', ['-c', 'import fcntl'], { reject: false }).exitCode === 0
  if (!found) process.stderr.write('\nNO python3: THE TESTS AGAINST LOCKS OF ANOTHER KIND (A BROKER) DO NOT RUN\n\n')
  return found
}

/** Another process that has a lock file open and takes and frees locks when asked. Killed when the test is over. */
export class LockProcess {
  readonly #process: ResultPromise
  readonly #lines: AsyncIterator<string>

  static async start(path: string, kind: 'ours' | 'like a broker' = 'ours'): Promise<LockProcess> {
    const options = { reject: false, buffer: false } as const
    const running =
      kind === 'ours'
        ? execa(nodeExecutable, [script, path], { ...options, stderr: 'inherit' })
        : execa('python3', ['-c', pythonScript, path], { ...options, stderr: 'inherit' })
    const started = new LockProcess(running as ResultPromise)
    await started.#expect('open')
    return started
  }

  private constructor(running: ResultPromise) {
    this.#process = running
    const lines: Interface = createInterface({ input: running.stdout! })
    this.#lines = lines[Symbol.asyncIterator]()
    onTestFinished(() => this.kill())
  }

  get pid(): number {
    return this.#process.pid!
  }

  async tryLock(range: LockRange, mode: LockMode): Promise<boolean> {
    this.#say('try', range, mode)
    return (await this.#answer()) === 'held'
  }

  async unlock(range: LockRange): Promise<void> {
    this.#say('unlock', range)
    await this.#expect('unlocked')
  }

  /** Returns when the other process is about to wait; `held` settles when it has the lock. */
  async startWaiting(range: LockRange, mode: LockMode): Promise<{ held: Promise<void> }> {
    this.#say('wait', range, mode)
    await this.#expect('waiting')
    const held = this.#expect('held')
    // A test that never asks may end the process before.
    held.catch(() => {})
    return { held }
  }

  /** Lets it call exitNow, and gives the code that it ended with. */
  async exitNow(): Promise<number | undefined> {
    this.#process.stdin!.write('exit-now\n')
    return (await this.#process).exitCode
  }

  async kill(): Promise<void> {
    this.#process.kill('SIGKILL')
    await this.#process
  }

  #say(verb: string, { start, length }: LockRange, mode = ''): void {
    this.#process.stdin!.write(`${verb} ${start} ${length} ${mode}\n`)
  }

  async #answer(): Promise<string> {
    const { value, done } = await this.#lines.next()
    if (done) throw new Error('the other process has ended')
    return value
  }

  async #expect(text: string): Promise<void> {
    const found = await this.#answer()
    if (found !== text) throw new Error(`expected "${text}" from the other process, got "${found}"`)
  }
}
