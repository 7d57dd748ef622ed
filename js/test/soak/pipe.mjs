// Two streams, each of which reads what the other one writes: a connection in memory.
import { Duplex } from 'node:stream'

class Side extends Duplex {
  constructor() {
    super({ allowHalfOpen: false })
  }

  _read() {}

  _write(chunk, _encoding, done) {
    this.other.push(chunk)
    done()
  }

  _final(done) {
    this.other.push(null)
    done()
  }

  _destroy(error, done) {
    const { other } = this
    if (!other.destroyed && !other.readableEnded) other.push(null)
    done(error)
  }
}

export function pipe() {
  const [one, other] = [new Side(), new Side()]
  one.other = other
  other.other = one
  return [one, other]
}
