import { existsSync, mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { AlreadyExistsError, DataDirectory, StorageError } from '../../log/index.ts'

/**
 * Where a benchmark works: a data directory, and beside the log two plain files, the payload and what the baseline writes.
 * Without a directory of the user's it is a temporary one, gone after `remove`; else only the two files go, and the topics stay.
 */
export class Workplace {
  /** The data directory. */
  readonly path: string
  readonly payloadPath: string
  readonly plainPath: string
  readonly isTemporary: boolean
  #directory: DataDirectory | undefined

  private constructor(path: string, isTemporary: boolean) {
    this.path = path
    this.isTemporary = isTemporary
    // On the file system of the log, so that both are measured on the same one. Plain files with a dash and a suffix are
    // nothing that a broker looks at.
    this.payloadPath = join(path, `loglady-bench-${process.pid}.payload`)
    this.plainPath = join(path, `loglady-bench-${process.pid}.plain`)
  }

  /** `path` is made if it is missing. Throws AlreadyExistsError if one of `topics` is in it. */
  static open(path: string | undefined, topics: readonly string[], onNote: (note: string) => void): Workplace {
    if (path === undefined) {
      const place = new Workplace(makeTemporary(), true)
      place.#directory = DataDirectory.open(place.path)
      return place
    }
    const directory = DataDirectory.open(path, { create: true, onNote })
    for (const topic of topics) {
      if (!directory.hasTopic(topic)) continue
      directory.close()
      throw new AlreadyExistsError(`there is a topic ${topic} already`, {
        path,
        hint: `loglady topics delete ${topic} -d ${path}`,
      })
    }
    const place = new Workplace(directory.path, false)
    place.#directory = directory
    return place
  }

  get directory(): DataDirectory {
    return this.#directory!
  }

  /** Makes the topic anew; what an earlier run left in it goes. */
  async freshTopic(name: string, config: ReadonlyMap<string, string>): Promise<void> {
    if (this.directory.hasTopic(name)) await this.directory.deleteTopic(name)
    await this.directory.createTopic(name, { config })
  }

  hasTopic(name: string): boolean {
    return this.directory.hasTopic(name)
  }

  removePlain(): void {
    if (existsSync(this.plainPath)) rmSync(this.plainPath)
  }

  remove(): void {
    this.#directory?.close()
    if (this.isTemporary) {
      // Retries: a child that was killed may still be making files.
      rmSync(this.path, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 })
    } else {
      for (const path of [this.payloadPath, this.plainPath]) rmSync(path, { force: true })
    }
  }
}

function makeTemporary(): string {
  try {
    return mkdtempSync(join(realpathSync(tmpdir()), 'loglady-bench-'))
  } catch (cause) {
    throw new StorageError(`cannot make a temporary directory: ${(cause as Error).message}`, {
      path: tmpdir(),
      cause,
      hint: '$TMPDIR says where, or -d DIR',
    })
  }
}
