import { closeSync, fdatasync, openSync, readSync, writeSync } from 'node:fs'
import { promisify } from 'node:util'
import type { SyncPolicy } from '../../log/index.ts'
import { Acknowledgements } from './latencies.ts'

const fdatasyncAsync = promisify(fdatasync)
const SYNC_INTERVAL_MS = 1000

/**
 * The baseline of append: bytes go to one file as they are, in pieces as large as the batches, with loglady's own sync policy:
 * `end` syncs at the end and each second in the background, `batch` behind each piece, `never` not at all.
 */
export class PlainFile {
  readonly acknowledgements = new Acknowledgements()
  readonly #fd: number
  readonly #sync: SyncPolicy
  #position = 0
  #isDirty = false
  #syncing: Promise<void> | undefined
  #lastSync = performance.now()

  constructor(path: string, sync: SyncPolicy) {
    this.#fd = openSync(path, 'w')
    this.#sync = sync
  }

  /** `upTo` records are in the file when this is written. */
  async write(bytes: Buffer, start: number, end: number, upTo: number): Promise<void> {
    const began = performance.now()
    this.acknowledgements.handedOver(upTo, began)
    writeFully(this.#fd, bytes, start, end, this.#position)
    this.#position += end - start
    this.#isDirty = true
    if (this.#sync === 'never') {
      this.acknowledgements.acknowledged(upTo, performance.now())
    } else if (this.#sync === 'batch') {
      await this.#syncUpTo(upTo)
    } else {
      const intervalMs = typeof this.#sync === 'object' ? this.#sync.everyMs : SYNC_INTERVAL_MS
      if (this.#syncing === undefined && began - this.#lastSync >= intervalMs) this.#syncing = this.#syncUpTo(upTo)
    }
  }

  async close(upTo: number): Promise<void> {
    try {
      await this.#syncing
      if (this.#isDirty && this.#sync !== 'never') await this.#syncUpTo(upTo)
    } finally {
      closeSync(this.#fd)
    }
  }

  async #syncUpTo(upTo: number): Promise<void> {
    this.#isDirty = false
    await fdatasyncAsync(this.#fd)
    this.#lastSync = performance.now()
    this.acknowledgements.acknowledged(upTo, this.#lastSync)
    this.#syncing = undefined
  }
}

/** write(2) may take fewer bytes than it was given. */
export function writeFully(fd: number, bytes: Buffer, start: number, end: number, position?: number): void {
  for (let at = start; at < end; ) {
    const where = position === undefined ? null : position + at - start
    at += writeSync(fd, bytes, at, end - at, where)
  }
}

/** Reads a file from its beginning to its end and looks at nothing; `onBlock` is told how many bytes each time. */
export function readThrough(path: string, block: Buffer, onBlock: (bytes: number) => void): void {
  const fd = openSync(path, 'r')
  try {
    for (let read = readSync(fd, block); read > 0; read = readSync(fd, block)) onBlock(read)
  } finally {
    closeSync(fd)
  }
}
