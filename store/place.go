package store

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// networks are the file systems on which SQLite loses data: WAL keeps its index in memory that all users of the file share,
// and so they must be on one machine; and the locks of network file systems don't hold what they promise. Names are the
// kernel's, as in /proc/self/mountinfo; a file system of a user's program has its own after "fuse.".
//
// 9p is not among them: it is also how a sandbox or a virtual machine sees the folder of its host, alone.
var networks = []string{
	"nfs", "nfs4", "cifs", "smb3", "smbfs", "ncpfs", "afs", "coda", "ceph", "lustre", "gpfs", "beegfs", "ocfs2", "gfs2",
	"fuse.sshfs", "fuse.glusterfs", "fuse.ceph-fuse", "fuse.ceph", "fuse.s3fs", "fuse.gcsfuse", "fuse.rclone", "fuse.davfs", "fuse.smbnetfs",
	"fuse.juicefs", "fuse.mount-s3", "fuse.goofys", "fuse.nfs",
}

// refuseNetwork refuses a SQLite file, or the folder for a new one, by the kind of file system that it is on.
func refuseNetwork(where, kind string) error {
	if !slices.Contains(networks, strings.ToLower(kind)) {
		return nil
	}
	return fmt.Errorf("%s is on a network file system (%s), where SQLite loses data: give --database or --data on a local disk, "+
		"or, for many machines, a postgres:// URL", where, kind)
}

// File is the path of the SQLite file that a URL means, absolute and by no links: one path for one file, as far as it is there.
// It is empty if the URL means no file.
func File(url string) string {
	kind, path, err := locate(url)
	if err != nil || kind != sqlite {
		return ""
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	if folder, err := filepath.EvalSymlinks(filepath.Dir(path)); err == nil {
		return filepath.Join(folder, filepath.Base(path))
	}
	return path
}
