package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// sqliteDB is a SQLite file: one connection that writes, which belongs to the writer's goroutine, and some that read.
type sqliteDB struct {
	now     func() time.Time
	writer  *writer
	writing *sql.DB // pools that hold the connections, and are never asked for one again
	reading *sql.DB
	conns   []*liteConn    // all of them
	readers chan *liteConn // those that are free
	size    int            // of readers
	schema  versions
	closing chan struct{}
	once    sync.Once
}

// Reads come from the memory map; the cache serves what stands in the WAL, and the writer.
const (
	liteMap         = 1 << 30 // bytes
	liteWriterCache = 64 << 10
	liteReaderCache = 8 << 10 // KiB
	liteBusy        = 5000    // ms to wait for another process's lock
)

// openSQLite opens or makes the file.
func openSQLite(ctx context.Context, path string, o Options) (_ *sqliteDB, err error) {
	where := filepath.Dir(path)
	if _, err := os.Stat(path); err == nil {
		where = path // a link, or a mount of its own, may lead elsewhere than its folder
	}
	if err := refuseNetwork(where, o.fileSystem(where)); err != nil {
		return nil, err
	}
	// SQLite would make it readable for everyone.
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	f.Close()

	l := &sqliteDB{now: o.Now, size: o.Readers, readers: make(chan *liteConn, o.Readers), closing: make(chan struct{})}
	defer func() {
		if err != nil {
			_ = l.closePools()
		}
	}()
	l.writing, err = openPool(path, 1, "_txlock=immediate", "_pragma=journal_mode(WAL)", "_pragma=synchronous(FULL)",
		fmt.Sprintf("_pragma=cache_size(-%d)", liteWriterCache))
	if err != nil {
		return nil, err
	}
	if l.schema, err = migrateSQLite(ctx, l.writing, o); err != nil {
		return nil, err
	}
	conn, err := l.connect(ctx, l.writing)
	if err != nil {
		return nil, err
	}
	if err := checkWAL(conn); err != nil {
		return nil, err
	}
	l.reading, err = openPool(path, o.Readers, "_pragma=query_only(1)", fmt.Sprintf("_pragma=cache_size(-%d)", liteReaderCache))
	if err != nil {
		return nil, err
	}
	for range o.Readers {
		c, err := l.connect(ctx, l.reading)
		if err != nil {
			return nil, err
		}
		l.readers <- c
	}
	l.writer = startWriter(conn, o)
	return l, nil
}

// openPool prepares connections; none is made yet. The log is never shortened: a file that is overwritten syncs about
// four times as fast as one that grows.
func openPool(path string, size int, params ...string) (*sql.DB, error) {
	dsn := (&url.URL{Scheme: "file", Path: path}).String() + fmt.Sprintf("?_dqs=0&_pragma=busy_timeout(%d)"+
		"&_pragma=foreign_keys(0)&_pragma=mmap_size(%d)&_pragma=temp_store(MEMORY)&_pragma=journal_size_limit(-1)", liteBusy, liteMap)
	for _, p := range params {
		dsn += "&" + p
	}
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(size)
	db.SetMaxIdleConns(size)
	return db, nil
}

// connect takes a connection out of its pool, until Close. Another process that opens or migrates the same file can make
// SQLite answer "busy" at once, without its usual patience.
func (l *sqliteDB) connect(ctx context.Context, db *sql.DB) (*liteConn, error) {
	var conn *sql.Conn
	err := whileBusy(ctx, func() (err error) {
		conn, err = db.Conn(ctx)
		return err
	})
	if err != nil {
		return nil, fromSQLite(liteOpen, err)
	}
	c := &liteConn{conn: conn, prepared: map[*stmt]*sql.Stmt{}}
	l.conns = append(l.conns, c)
	return c, nil
}

// checkWAL refuses a file on which SQLite silently stays with a rollback journal, since readers would block the writer.
func checkWAL(c *liteConn) error {
	var mode string
	err := c.read(journalMode, nil, func(scan func(...any) error) bool { return scan(&mode) != nil })
	if err == nil && mode != "wal" {
		err = fmt.Errorf("%w: SQLite can't keep a write-ahead log beside this file; is it on a network file system?", ErrUnavailable)
	}
	return err
}

func (l *sqliteDB) close() (err error) {
	l.once.Do(func() {
		close(l.closing)
		l.writer.stop()
		for range l.size {
			<-l.readers
		}
		err = l.closePools()
	})
	return err
}

func (l *sqliteDB) closePools() (err error) {
	for _, c := range l.conns {
		err = errors.Join(err, c.close())
	}
	for _, db := range []*sql.DB{l.reading, l.writing} { // the last to close writes the log back
		if db != nil {
			err = errors.Join(err, db.Close())
		}
	}
	return err
}

func (l *sqliteDB) view(ctx context.Context, f func(*Tx) error) error {
	c, err := l.reader(ctx)
	if err != nil {
		return err
	}
	defer func() { l.readers <- c }()

	tx := &Tx{now: timestamp(l.now), kind: alone, run: c, ctx: ctx}
	if err := tx.end(f(tx)); !tx.again {
		return err
	}
	if _, err := c.write(liteSnapshot, nil, false); err != nil {
		return err
	}
	defer c.write(liteRollback, nil, false) // it has only read
	tx = &Tx{now: tx.now, kind: snapshot, run: c, ctx: ctx}
	return tx.end(f(tx))
}

func (l *sqliteDB) reader(ctx context.Context) (*liteConn, error) {
	select {
	case <-l.closing:
		return nil, errClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	default:
	}
	select {
	case c := <-l.readers:
		return c, nil
	case <-l.closing:
		return nil, errClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// The engine's own statements.
var (
	liteOpen      = fixed(`open`)
	journalMode   = fixed(`PRAGMA journal_mode`)
	liteBegin     = fixed(`BEGIN IMMEDIATE`)
	liteSnapshot  = fixed(`BEGIN`)
	liteSavepoint = fixed(`SAVEPOINT member`)
	liteRelease   = fixed(`RELEASE member`)
	liteUndo      = fixed(`ROLLBACK TO member`)
	liteCommit    = fixed(`COMMIT`)
	liteRollback  = fixed(`ROLLBACK`)
)

// liteConn is one connection with every statement prepared once. One goroutine at a time uses it.
//
// Statements run without the caller's context: the driver would start a goroutine for each, and an interrupt ends the
// whole transaction, not only one member's part.
type liteConn struct {
	conn     *sql.Conn
	prepared map[*stmt]*sql.Stmt
}

func (c *liteConn) prepare(q *stmt) (*sql.Stmt, error) {
	if s := c.prepared[q]; s != nil {
		return s, nil
	}
	s, err := c.conn.PrepareContext(context.Background(), q.text[sqlite])
	if err == nil {
		c.prepared[q] = s
	}
	return s, err
}

// close gives the connection back to its pool, which closes it. A statement that is left open would keep the file open.
func (c *liteConn) close() (err error) {
	for _, s := range c.prepared {
		err = errors.Join(err, s.Close())
	}
	return errors.Join(err, c.conn.Close())
}

func (c *liteConn) write(q *stmt, args []any, count bool) (int64, error) {
	s, err := c.prepare(q)
	if err != nil {
		return 0, fromSQLite(q, err)
	}
	result, err := s.Exec(args...)
	if err != nil || !count {
		return 0, fromSQLite(q, err)
	}
	return result.RowsAffected()
}

func (c *liteConn) read(q *stmt, args []any, each func(scan func(...any) error) bool) error {
	s, err := c.prepare(q)
	if err != nil {
		return fromSQLite(q, err)
	}
	rows, err := s.Query(args...)
	if err != nil {
		return fromSQLite(q, err)
	}
	defer rows.Close()
	scan := rows.Scan
	for rows.Next() {
		if !each(scan) {
			break
		}
	}
	return fromSQLite(q, rows.Err())
}
