package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// breakFile makes every write to the open files of a path fail: each descriptor is replaced by one that only reads. mend
// puts them back.
func breakFile(t *testing.T, path string) (mend func()) {
	t.Helper()
	kept := map[int]int{}
	for _, fd := range descriptors(t, path) {
		own, err := syscall.Dup(fd)
		must(t, err)
		poor, err := syscall.Open(path, syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
		must(t, err)
		must(t, syscall.Dup3(poor, fd, syscall.O_CLOEXEC))
		must(t, syscall.Close(poor))
		kept[fd] = own
	}
	if len(kept) == 0 {
		t.Fatalf("%s is not open", path)
	}
	return func() {
		for fd, own := range kept {
			must(t, syscall.Dup3(own, fd, syscall.O_CLOEXEC))
			must(t, syscall.Close(own))
		}
		clear(kept)
	}
}

// descriptors lists those that are open on a path.
func descriptors(t *testing.T, path string) (fds []int) {
	t.Helper()
	links, err := filepath.Glob("/proc/self/fd/*")
	must(t, err)
	for _, link := range links {
		if target, err := os.Readlink(link); err == nil && target == path {
			fd, err := strconv.Atoi(filepath.Base(link))
			must(t, err)
			fds = append(fds, fd)
		}
	}
	return fds
}

// openBreakable opens a database and gives the path of its log.
func openBreakable(t *testing.T) (db *DB, log string) {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	must(t, err)
	db = openAt(t, filepath.Join(dir, "db"), unhurried)
	must(t, db.Update(t.Context(), put("before"))) // opens the log
	return db, filepath.Join(dir, "db-wal")
}

func TestFailedCommitAcknowledgesNobody(t *testing.T) {
	db, log := openBreakable(t)
	release := hold(t, db)
	wait := queue(t, db, 16, func(i int) error {
		return db.Update(context.Background(), func(tx *Tx) error {
			if i == 7 {
				return errOwn
			}
			return put(fmt.Sprint(i))(tx)
		})
	})
	mend := breakFile(t, log)
	release()
	for i, err := range wait() {
		if i == 7 && err != errOwn || i != 7 && !errors.Is(err, ErrUnavailable) {
			t.Errorf("%d: %v", i, err)
		}
	}
	if there := names(t, db); len(there) != 1 {
		t.Errorf("there are %v", there)
	}
	mend()
	must(t, db.Update(t.Context(), put("after")))
	if there := names(t, db); len(there) != 2 {
		t.Errorf("there are %v", there)
	}
}

func TestMembersOfAFailedCommitRunAgain(t *testing.T) {
	db, log := openBreakable(t)
	release := hold(t, db)
	mend := func() {}
	runs := make([]int, 16)
	ctx, cancel := context.WithCancel(t.Context())
	wait := queue(t, db, len(runs), func(i int) error {
		c := context.Background()
		if i == 9 {
			c = ctx
		}
		return db.Update(c, func(tx *Tx) error {
			runs[i]++
			switch {
			case i == 3 && runs[i] == 2:
				mend() // the third is the first to find the disk well
			case i == 9:
				cancel() // so it need not run again
			}
			return put(fmt.Sprint(i))(tx)
		})
	})
	mend = breakFile(t, log)
	before := db.lite.writer.commits.Load()
	release()
	errs, there := wait(), names(t, db)
	for i, err := range errs {
		want := err == nil
		switch i {
		case 0, 1, 2:
			want = errors.Is(err, ErrUnavailable)
		case 9:
			want = errors.Is(err, context.Canceled) && runs[i] == 1
		}
		if !want || there[fmt.Sprint(i)] != (err == nil) || i != 9 && runs[i] != 2 {
			t.Errorf("%d: %v after %d runs; there: %t", i, err, runs[i], there[fmt.Sprint(i)])
		}
	}
	if n := db.lite.writer.commits.Load() - before; n != 13 { // with the one that held the writer
		t.Errorf("%d commits answered 13 members", n)
	}
}

func TestBrokenDiskStopsNoReader(t *testing.T) {
	db, log := openBreakable(t)
	mend := breakFile(t, log)
	defer mend()
	err := db.Update(t.Context(), put("a"))
	if !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), "I/O") {
		t.Errorf("an Update: %v", err)
	}
	if there := names(t, db); len(there) != 1 {
		t.Errorf("there are %v", there)
	}
}

func TestCloseLetsTheFileGo(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	must(t, err)
	path := filepath.Join(dir, "db")
	db, err := Open(t.Context(), path, Options{})
	must(t, err)
	must(t, db.Update(t.Context(), put("a")))
	must(t, db.Ping(t.Context()))
	must(t, db.Close())
	if fds := descriptors(t, path); len(fds) != 0 {
		t.Errorf("descriptors %v are still open", fds)
	}
	if left, _ := filepath.Glob(path + "-*"); len(left) != 0 {
		t.Errorf("%v were not written back", left)
	}
	must(t, db.Close())
	if there := names(t, openAt(t, path, Options{})); !there["a"] {
		t.Error("what was committed is gone")
	}
}
