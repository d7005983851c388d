package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// writer is the one goroutine that writes to a SQLite database. It makes one transaction, and so one sync of the disk, of
// all the Updates that have come meanwhile: a group. Each member has a savepoint, so that it can fail alone.
//
//	caller                         writer
//	enqueue, wake ---------------> claim; BEGIN IMMEDIATE (the first member only)
//	                               SAVEPOINT
//	call the function <-- turn --- wait
//	over ------------------------> RELEASE, or ROLLBACK TO; next member, until nobody waits, 128 are in, or 5 ms are over
//	return <------------- turn --- COMMIT
//
// The function runs in its caller's goroutine, so that a panic or runtime.Goexit happens where it belongs, with its stack.
//
// A failing disk ends the whole transaction, and SQLite commits what comes after it statement by statement. So when a
// savepoint can't be left as it should be, or COMMIT fails, the group is rolled back and every member is run again in a
// transaction of its own. Nobody is answered before a COMMIT, not even a member that failed: its error may rest on a row of
// its neighbour.
type writer struct {
	conn *liteConn
	now  func() time.Time
	log  *slog.Logger
	size int           // members of a group
	time time.Duration // how long a group takes members

	mu      sync.Mutex
	waiting []*member
	closed  bool
	wake    chan struct{} // holds a token while there may be something to do
	stopped chan struct{}

	commits atomic.Int64 // that have succeeded
}

// member is one call of Update.
type member struct {
	ctx   context.Context
	f     func(*Tx) error
	state atomic.Int32 // waiting until one side changes it
	turn  chan turn    // from the writer
	over  chan outcome // to the writer
	err   error        // of the last run
}

const (
	waiting int32 = iota
	claimed       // by the writer: its turn comes
	left          // by the caller: it never runs
)

// turn tells a caller to run its function with tx, or, without tx, what to return.
type turn struct {
	tx  *Tx
	err error
}

// outcome tells the writer how a function ended.
type outcome struct {
	err       error
	unwinding bool // it panicked or ended its goroutine
}

func startWriter(conn *liteConn, o Options) *writer {
	w := &writer{
		conn: conn, now: o.Now, log: o.Log, size: o.groupSize, time: o.groupTime,
		wake: make(chan struct{}, 1), stopped: make(chan struct{}),
	}
	go w.loop()
	return w
}

// stop lets everybody who waits have their turn, and returns when the last has been answered.
func (w *writer) stop() {
	w.mu.Lock()
	w.closed = true
	w.mu.Unlock()
	w.nudge()
	<-w.stopped
}

func (w *writer) nudge() {
	select {
	case w.wake <- struct{}{}:
	default: // a token is there already
	}
}

// update is DB.Update, in the caller's goroutine.
func (w *writer) update(ctx context.Context, f func(*Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m := &member{ctx: ctx, f: f, turn: make(chan turn, 1), over: make(chan outcome, 1)}
	w.mu.Lock()
	if w.closed {
		w.mu.Unlock()
		return errClosed
	}
	w.waiting = append(w.waiting, m)
	w.mu.Unlock()
	w.nudge()

	var t turn
	select {
	case t = <-m.turn:
	case <-ctx.Done():
		if m.state.CompareAndSwap(waiting, left) {
			return ctx.Err()
		}
		t = <-m.turn
	}
	for t.tx != nil {
		m.call(t.tx)
		t = <-m.turn
	}
	return t.err
}

// call runs the function and tells the writer how it ended. A panic goes on to the caller once the writer has rolled back
// what the function did; since nothing recovers it, its stack is whole.
func (m *member) call(tx *Tx) {
	how := outcome{unwinding: true}
	defer func() {
		m.over <- how
		if how.unwinding {
			<-m.turn
		}
	}()
	err := tx.end(m.f(tx))
	how = outcome{err: err}
}

// loop is the writer's goroutine.
func (w *writer) loop() {
	defer close(w.stopped)
	for {
		m := w.next()
		if m == nil {
			if w.finished() {
				return
			}
			<-w.wake
			continue
		}
		w.group(m)
	}
}

func (w *writer) finished() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.closed && len(w.waiting) == 0
}

// next claims the member that has waited longest, or returns nil when there is none.
func (w *writer) next() *member {
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(w.waiting) > 0 {
		m := w.waiting[0]
		w.waiting[0] = nil
		w.waiting = w.waiting[1:]
		if m.state.CompareAndSwap(waiting, claimed) {
			return m
		}
	}
	w.waiting = nil // so that a long queue's array is let go
	return nil
}

// group runs m, and those who have come meanwhile, in one transaction.
func (w *writer) group(m *member) {
	if err := w.begin(); err != nil {
		w.refuse(m, err)
		return
	}
	began := time.Now()
	var group []*member
	for ; m != nil; m = w.next() {
		stays, err := w.member(m)
		if stays {
			group = append(group, m)
		}
		if err != nil {
			w.oneByOne(group, err)
			return
		}
		if len(group) == w.size || time.Since(began) >= w.time {
			break
		}
	}
	if err := w.commit(); err != nil {
		w.oneByOne(group, err)
		return
	}
	for _, m := range group {
		m.turn <- turn{err: m.err}
	}
}

// member runs one member in a savepoint. It stays in the group unless its function has panicked, in which case it has been
// let go. An error means that the whole transaction is lost; it has been rolled back.
func (w *writer) member(m *member) (stays bool, err error) {
	if err := w.control(liteSavepoint); err != nil {
		w.rollback()
		return true, err
	}
	how := w.run(m)
	if how.err != nil || how.unwinding {
		err = w.control(liteUndo)
	}
	if err == nil {
		err = w.control(liteRelease)
	}
	if err != nil {
		w.rollback()
	}
	if how.unwinding {
		m.turn <- turn{}
	}
	return !how.unwinding, err
}

// run hands a member the turn and waits until its function is over.
func (w *writer) run(m *member) outcome {
	m.turn <- turn{tx: &Tx{now: timestamp(w.now), kind: update, run: w.conn}}
	how := <-m.over
	m.err = how.err
	return how
}

// oneByOne runs the members of a lost group again, each in a transaction of its own, and answers each by its own commit.
// One whose context has ended meanwhile is spared that.
func (w *writer) oneByOne(group []*member, cause error) {
	w.log.Warn("a group of updates was rolled back and runs again one by one", "members", len(group), "cause", cause)
	for _, m := range group {
		err := m.ctx.Err()
		if err == nil {
			err = w.begin()
		}
		if err != nil {
			m.turn <- turn{err: err}
			continue
		}
		how := w.run(m)
		switch {
		case how.unwinding || how.err != nil:
			w.rollback()
			m.turn <- turn{err: how.err}
		default:
			m.turn <- turn{err: w.commit()}
		}
	}
}

// refuse answers m and all who wait: if a transaction can't be begun now, each alone would only wait as long again.
func (w *writer) refuse(m *member, err error) {
	w.log.Warn("updates refused: no transaction can be begun", "cause", err)
	for ; m != nil; m = w.next() {
		m.turn <- turn{err: err}
	}
}

// begin begins a transaction. Should an earlier one hang on, it is ended, so that the next try succeeds.
func (w *writer) begin() error {
	err := w.control(liteBegin)
	if err != nil {
		w.rollback()
	}
	return err
}

// commit commits, or else rolls back.
func (w *writer) commit() error {
	err := w.control(liteCommit)
	if err != nil {
		w.rollback()
		return err
	}
	w.commits.Add(1)
	return nil
}

// rollback ends the transaction. That fails only if it has ended by itself.
func (w *writer) rollback() { _ = w.control(liteRollback) }

// control runs a statement of the writer's own. None of them fails while the disk works.
func (w *writer) control(q *stmt) error {
	_, err := w.conn.write(q, nil, false)
	if err != nil && !errors.Is(err, ErrUnavailable) {
		err = fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return err
}
