import { mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, onTestFinished } from 'vitest'

/** A new empty folder, removed when the running test (or the test of the running beforeEach) is over, also a failed one. */
export function temporaryFolder(): string {
  const folder = makeFolder()
  onTestFinished(() => removeFolder(folder))
  return folder
}

/** The same for what several tests share: call it in a describe block or at the top of a file, not inside a test. */
export function sharedTemporaryFolder(): string {
  const folder = makeFolder()
  afterAll(() => removeFolder(folder))
  return folder
}

function makeFolder(): string {
  // The real path: on macOS the temporary folder is reached through a link, and tests compare paths.
  return mkdtempSync(join(realpathSync(tmpdir()), 'loglady-test-'))
}

function removeFolder(folder: string): void {
  // Retries: a child that a test has just killed may still be making files here.
  rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 })
}
