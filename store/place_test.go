package store

import (
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// SQLite files on network file systems are refused. None can be mounted in a test, so a function stands for the kernel.
func TestNetworkFileSystems(t *testing.T) {
	for _, row := range []struct {
		kind    string
		refused bool
	}{
		{"ext4", false},
		{"xfs", false},
		{"tmpfs", false},
		{"overlay", false},
		{"9p", false},
		{"fuse", false},
		{"fuse.ntfs-3g", false},
		{"", false}, // not known
		{"nfs", true},
		{"nfs4", true},
		{"cifs", true},
		{"smb3", true},
		{"ceph", true},
		{"fuse.sshfs", true},
		{"fuse.glusterfs", true},
	} {
		dir := t.TempDir()
		asked := ""
		db, err := Open(t.Context(), filepath.Join(dir, "db"), Options{fileSystem: func(dir string) string {
			asked = dir
			return row.kind
		}})
		if err == nil {
			must(t, db.Close())
		}
		if asked != dir || (err != nil) != row.refused {
			t.Errorf("%q: asked for %s, %v", row.kind, asked, err)
		}
		left, _ := filepath.Glob(filepath.Join(dir, "*"))
		if row.refused && (!strings.Contains(err.Error(), row.kind) || !strings.Contains(err.Error(), "--database") || len(left) != 0) {
			t.Errorf("%s: %v, and there is %q", row.kind, err, left)
		}
	}
}

// A file that is there is asked for itself: it may be a link.
func TestNetworkFileSystemBehindALink(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db")
	db, err := Open(t.Context(), path, Options{})
	must(t, err)
	must(t, db.Close())
	_, err = Open(t.Context(), path, Options{fileSystem: func(where string) string {
		if where == path {
			return "nfs"
		}
		return "ext4"
	}})
	if err == nil || !strings.Contains(err.Error(), path+" is on a network file system (nfs)") {
		t.Errorf("%v", err)
	}
}

// The kernel of this machine knows what its folders are on.
func TestFileSystem(t *testing.T) {
	if runtime.GOOS != "linux" {
		return
	}
	if got := fileSystem("/proc"); got != "proc" {
		t.Errorf("/proc is on %q", got)
	}
	if got := fileSystem("/no/such/folder"); got != "" {
		t.Errorf("nothing is on %q", got)
	}
}
