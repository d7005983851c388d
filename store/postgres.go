package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"regexp"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// postgresDB is a PostgreSQL database, or an engine that speaks its protocol, maybe behind a pooler: it names the isolation
// level in BEGIN and relies on nothing that lives longer than a transaction.
type postgresDB struct {
	pool    *pgxpool.Pool
	now     func() time.Time
	log     *slog.Logger
	timeout time.Duration // of one View or Update; 0: none
	schema  versions
	pooled  bool // somebody stands before the server, as far as a start has asked

	repeats atomic.Int64 // of transactions, for whatever reason
}

const (
	pgTries          = 12 // of one View or Update
	pgTriesContended = 40 // when others are in the way: some four seconds
	pgTriesKey       = 3  // when a key of firstComes was taken: the second run sees who took it
	pgBackoff        = 2 * time.Millisecond
	pgBackoffTo      = 250 * time.Millisecond
)

// firstComes are the unique keys that Updates may race for in the usual course of things: of logins, which belong to one
// identity of a pool, and of SAML assertions, which are used for one. Logins may be in partitions (scripts/partition.sql).
var firstComes = regexp.MustCompile(`^(logins(_p\d+)?|saml_assertions)_pkey$`)

// The engine's own statements.
var (
	pgConnect  = fixed(`connect`)
	pgUpdate   = fixed(`BEGIN ISOLATION LEVEL SERIALIZABLE`)
	pgSnapshot = fixed(`BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY`)
	pgCommit   = fixed(`COMMIT`)
)

func openPostgres(ctx context.Context, url string, o Options) (*postgresDB, error) {
	config, err := parsePrimary(url)
	if err != nil {
		return nil, err
	}
	pooled, err := chooseMode(ctx, url, config.ConnConfig, o.patience)
	if err != nil {
		return nil, err
	}
	pool, err := openPgPool(ctx, config)
	if err != nil {
		return nil, err
	}
	p := &postgresDB{pool: pool, now: o.Now, log: o.Log, timeout: o.Timeout, pooled: pooled}
	if p.schema, err = p.migrate(ctx, o); err != nil {
		pool.Close()
		return nil, err
	}
	return p, nil
}

func (p *postgresDB) close() { p.pool.Close() }

func (p *postgresDB) view(ctx context.Context, f func(*Tx) error) error {
	return limited(ctx, p.timeout, func(ctx context.Context) error {
		return p.retry(ctx, func() (tries int, err error) { return p.viewOnce(ctx, f) })
	})
}

// viewOnce tells of a failure as transaction does.
func (p *postgresDB) viewOnce(ctx context.Context, f func(*Tx) error) (tries int, err error) {
	s := &single{ctx: ctx, db: p}
	tx := &Tx{now: timestamp(p.now), kind: alone, run: s}
	if err := tx.end(f(tx)); !tx.again {
		return triesOf(ctx, tx.failed, s.lost), err
	}
	return p.transaction(ctx, snapshot, pgSnapshot, f)
}

func (p *postgresDB) update(ctx context.Context, f func(*Tx) error) error {
	return limited(ctx, p.timeout, func(ctx context.Context) error {
		return p.retry(ctx, func() (tries int, err error) { return p.transaction(ctx, update, pgUpdate, f) })
	})
}

// transaction runs f once. tries says how often at most the failure that it met may be met; 0 is for what no repeat heals.
func (p *postgresDB) transaction(ctx context.Context, k kind, begin *stmt, f func(*Tx) error) (tries int, err error) {
	conn, err := p.acquire(ctx)
	if err != nil {
		return 0, err
	}
	s := &session{ctx: ctx, conn: conn, queue: []queued{{q: begin}}}
	defer s.close()
	tx := &Tx{now: timestamp(p.now), kind: k, run: s}
	err = tx.end(f(tx))
	if err == nil && k == update { // a snapshot has nothing to commit
		err = s.commit()
		tx.failed = err
	}
	if code := pgCode(tx.failed); k == update && (code == pgReadOnly || code == pgUnsupported && !replanned(tx.failed)) {
		// A standby, or a primary that no longer is one: the next connection may lead to the primary.
		_ = conn.Conn().Close(ctx)
	}
	return triesOf(ctx, tx.failed, s.lost()), err
}

// retry repeats what may succeed the next time: serialization failures, deadlocks, lost connections.
func (p *postgresDB) retry(ctx context.Context, once func() (tries int, err error)) error {
	for try := 1; ; try++ {
		tries, err := once()
		if tries == 0 {
			return err
		}
		if try >= tries {
			if errors.Is(err, ErrExists) || errors.Is(err, ErrUnavailable) {
				return err
			}
			return fmt.Errorf("%w: given up after %d tries: %w", ErrContended, try, err)
		}
		p.repeats.Add(1)
		p.log.DebugContext(ctx, "a transaction runs again", "try", try, "cause", err)
		// Full jitter: those who collided must not meet again.
		pause := time.NewTimer(rand.N(min(pgBackoff<<min(try, 10), pgBackoffTo)))
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			return ctx.Err()
		}
	}
}

// triesOf tells how often a failure of a statement may be met in all, 0 if no repeat heals it.
func triesOf(ctx context.Context, err error, lost bool) int {
	var e *pgconn.PgError
	switch {
	case err == nil || errors.Is(err, ErrUnknownOutcome) || ctx.Err() != nil:
		return 0
	case lost:
		return pgTries
	case !errors.As(err, &e):
		return 0
	case repeatable(err):
		return pgTriesContended
	case e.Code == pgUniqueViolation && firstComes.MatchString(e.ConstraintName):
		return pgTriesKey
	}
	return 0
}

// repeatable tells whether a transaction has failed only because of others beside it.
func repeatable(err error) bool {
	code := pgCode(err)
	return code == pgSerializationFailure || code == pgDeadlock || replanned(err)
}

func (p *postgresDB) acquire(ctx context.Context) (*pgxpool.Conn, error) {
	conn, err := p.pool.Acquire(ctx)
	return conn, fromPostgres(ctx, pgConnect, err, true)
}

// release gives a connection back. One that is broken leaves the pool at once: the pool would wait for the end of its farewell,
// 15 seconds where the server says nothing any more, and make no other in its place meanwhile.
func release(conn *pgxpool.Conn) {
	if conn.Conn().IsClosed() {
		conn.Hijack()
		return
	}
	conn.Release()
}

// single runs the one statement of a View without a transaction.
type single struct {
	ctx  context.Context
	db   *postgresDB
	lost bool // the connection
}

func (s *single) write(q *stmt, _ []any, _ bool) (int64, error) { return 0, errReadOnly }

func (s *single) read(q *stmt, args []any, each func(scan func(...any) error) bool) error {
	conn, err := s.db.acquire(s.ctx)
	if err != nil {
		return err
	}
	defer release(conn)
	rows, err := conn.Query(s.ctx, q.text[postgres], args...)
	if err == nil {
		err = drain(rows, each)
	}
	s.lost = err != nil && conn.Conn().IsClosed()
	return fromPostgres(s.ctx, q, err, s.lost)
}

// drain calls each for every row. An error of scan is each's to report.
func drain(rows pgx.Rows, each func(scan func(...any) error) bool) error {
	defer rows.Close()
	for rows.Next() {
		if each(rows.Scan) {
			continue
		}
		rows.Close()
		var e *pgconn.PgError
		if err := rows.Err(); errors.As(err, &e) {
			return err
		}
		return nil
	}
	return rows.Err()
}

// session is one transaction. What needs no answer waits in the queue, BEGIN first, and travels with the next statement
// that does, in one round trip.
type session struct {
	ctx   context.Context
	conn  *pgxpool.Conn
	queue []queued
	open  bool // BEGIN has been sent
	wrote bool // a statement that may write has been sent, or waits
	done  bool // COMMIT has been answered
}

type queued struct {
	q    *stmt
	args []any
}

func (s *session) lost() bool { return s.conn.Conn().IsClosed() }

func (s *session) write(q *stmt, args []any, count bool) (n int64, err error) {
	s.wrote = true
	if !count {
		s.queue = append(s.queue, queued{q, kept(args)})
		return 0, nil
	}
	of, err := s.flight(q, args, func(results pgx.BatchResults) error {
		tag, err := results.Exec()
		n = tag.RowsAffected()
		return err
	})
	return n, s.sort(of, err)
}

func (s *session) read(q *stmt, args []any, each func(scan func(...any) error) bool) error {
	s.wrote = s.wrote || !q.reads
	of, err := s.flight(q, args, func(results pgx.BatchResults) error {
		rows, err := results.Query()
		if err != nil {
			return err
		}
		return drain(rows, each)
	})
	return s.sort(of, err)
}

// kept copies the arguments of a statement that runs when its caller may have changed them.
func kept(args []any) []any {
	own := make([]any, len(args))
	for i, arg := range args {
		if b, ok := arg.([]byte); ok {
			arg = bytes.Clone(b)
		}
		own[i] = arg
	}
	return own
}

// flight sends the queue and one more statement, takes the answers to the queue, and leaves that statement's to answer. It
// tells whose the error is.
func (s *session) flight(q *stmt, args []any, answer func(pgx.BatchResults) error) (of *stmt, err error) {
	batch := &pgx.Batch{}
	for _, e := range s.queue {
		batch.Queue(e.q.text[postgres], e.args...)
	}
	batch.Queue(q.text[postgres], args...)
	queue := s.queue
	s.queue, s.open = nil, true
	results := s.conn.SendBatch(s.ctx, batch)
	defer results.Close()
	for _, e := range queue {
		if _, err := results.Exec(); err != nil {
			return e.q, err
		}
	}
	return q, answer(results)
}

func (s *session) sort(q *stmt, err error) error { return fromPostgres(s.ctx, q, err, s.lost()) }

// commit sends what is queued, and COMMIT. An error is ErrUnknownOutcome if COMMIT may have been carried out; any other
// means that it was not.
func (s *session) commit() error {
	if !s.open && len(s.queue) == 1 {
		return nil // nothing but BEGIN, and that was never sent
	}
	// A connection that is dead already must not make the outcome look unknown.
	if conn := s.conn.Conn().PgConn(); severed(conn.Conn()) {
		if err := conn.Ping(s.ctx); err != nil {
			return s.sort(pgCommit, err)
		}
	}
	committing := committing(s.conn.Conn())
	committing.Store(true)
	var tag pgconn.CommandTag
	of, err := s.flight(pgCommit, nil, func(results pgx.BatchResults) (err error) {
		tag, err = results.Exec()
		return err
	})
	committing.Store(s.lost())
	switch {
	case err == nil && tag.String() == "COMMIT":
		s.done = true
		return nil
	case err == nil: // "ROLLBACK": never seen, as the Tx stops at the first failure
		return fmt.Errorf("%w: COMMIT was answered by %s", ErrUnavailable, tag)
	case s.wrote && (s.lost() || pgClass(err) == "08" || pgCode(err) == pgCompletionUnknown):
		// The server carries out nothing after a statement that it refused. But a farewell proves nothing: it may come
		// from a pooler, which has lost the answers. Nor does pgconn.SafeToRetry, which says yes to "conn closed", as pgx
		// calls a connection that ended after everything was sent.
		return fmt.Errorf("%v: %w: %w", of, ErrUnknownOutcome, err)
	}
	return s.sort(of, err)
}

// close rolls back what has not been committed and gives the connection back. It may run while a panic passes.
func (s *session) close() {
	if s.open && !s.done && !s.lost() && s.conn.Conn().PgConn().TxStatus() != 'I' {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(s.ctx), 5*time.Second)
		defer cancel()
		// The simple protocol, since nothing can be prepared in a transaction that has failed. If it fails too, the pool
		// throws the connection away.
		_ = s.conn.Conn().PgConn().Exec(ctx, "ROLLBACK").Close()
	}
	release(s.conn)
}
