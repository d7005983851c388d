package store

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// fileSystem tells the kind of file system that a file or folder is on, empty if that is not known. The kernel's list has a line for
// each mount: id, parent, device, ..., a hyphen, the kind.
func fileSystem(path string) string {
	var info unix.Stat_t
	if err := unix.Stat(path, &info); err != nil {
		return "" // opening the file says it better
	}
	name := fmt.Sprintf("%d:%d", unix.Major(info.Dev), unix.Minor(info.Dev))
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(mounts)) {
		before, after, _ := strings.Cut(line, " - ")
		if fields := strings.Fields(before); len(fields) > 2 && fields[2] == name {
			kind, _, _ := strings.Cut(after, " ")
			return kind
		}
	}
	return ""
}
