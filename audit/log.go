package audit

import (
	"bytes"
	"io"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
)

const (
	queueSize = 512      // events that wait for the writer
	batchSize = 64 << 10 // bytes from which on it writes, whoever else waits
)

// Complain is how often a log that cannot write says so.
const Complain = time.Minute

// Config is what a Log needs.
type Config struct {
	Out  io.Writer // gets whole lines, from one goroutine
	Rand io.Reader // of the ids of events
	Now  func() time.Time
	// Failed is told that events could not be written, how many since it was told last, and why: at once, then every
	// Complain at most; and with nil and the rest when writing works again, or the log is closed.
	Failed func(err error, lost int)
}

// Log writes events, in the order in which they come. It is for any number of goroutines.
type Log struct {
	config  Config
	queue   chan []byte
	closing chan struct{}
	closed  chan struct{}
	lost    atomic.Int64

	// of the writer alone
	torn    bool // the last line was written in part
	failing bool
	untold  int // lost, and not yet told
	told    time.Time
}

// New starts a log's writer; Close ends it.
func New(c Config) *Log {
	l := &Log{config: c, queue: make(chan []byte, queueSize), closing: make(chan struct{}), closed: make(chan struct{})}
	go l.run()
	return l
}

// Write makes a call's event. It waits while the queue is full: what was done is told, however slow the disk.
func (l *Log) Write(c *Call) {
	id := c.RequestID // as unique, should there be no randomness
	if random, err := uuid.NewRandomFromReader(l.config.Rand); err == nil {
		id = random.String()
	}
	select {
	case l.queue <- newEvent(c, id).line():
	case <-l.closing: // a call that outlived the server
		l.lost.Add(1)
	}
}

// Lost is how many events could not be written since the start.
func (l *Log) Lost() int64 { return l.lost.Load() }

// Close writes what waits. Call it once, after the last Write.
func (l *Log) Close() {
	close(l.closing)
	<-l.closed
}

func (l *Log) run() {
	defer close(l.closed)
	batch := make([]byte, 0, batchSize+maxEvent)
	for {
		select {
		case line := <-l.queue:
			batch = l.gather(append(batch[:0], line...))
			l.write(batch)
		case <-l.closing:
			if batch = l.gather(batch[:0]); len(batch) > 0 {
				l.write(batch)
				continue // there may be more than one batch
			}
			if l.untold > 0 {
				l.config.Failed(nil, l.untold)
			}
			return
		}
	}
}

// gather adds the lines that wait, as far as a batch goes.
func (l *Log) gather(batch []byte) []byte {
	for len(batch) < batchSize {
		select {
		case line := <-l.queue:
			batch = append(batch, line...)
		default:
			return batch
		}
	}
	return batch
}

func (l *Log) write(batch []byte) {
	if l.torn { // what was begun must not swallow the next line
		if _, err := l.config.Out.Write([]byte("\n")); err != nil {
			l.fail(err, bytes.Count(batch, []byte("\n")))
			return
		}
		l.torn = false
	}
	n, err := l.config.Out.Write(batch)
	if err != nil {
		l.torn = n > 0 && batch[n-1] != '\n'
		l.fail(err, bytes.Count(batch[n:], []byte("\n")))
		return
	}
	if l.failing {
		l.failing = false
		l.config.Failed(nil, l.untold)
		l.untold = 0
	}
}

func (l *Log) fail(err error, lost int) {
	l.lost.Add(int64(lost))
	l.untold += lost
	if now := l.config.Now(); !l.failing || now.Sub(l.told) >= Complain {
		l.config.Failed(err, l.untold)
		l.failing, l.told, l.untold = true, now, 0
	}
}
