package e2e

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// aws runs the AWS CLI as the node's root, with the file that the node wrote at its first start, and returns what it
// printed. The endpoint is a flag, since CLIs before 2.13 know no variable for it.
func (n *node) aws(t testing.TB, args ...string) string {
	t.Helper()
	cli := exec.Command(tool(t, "aws", "awscli"), append([]string{"--endpoint-url", n.url, "--output", "text"}, args...)...)
	cli.Env = environ(
		"AWS_SHARED_CREDENTIALS_FILE="+filepath.Join(n.data, "root-credentials"), "AWS_PROFILE=idpool",
		"AWS_CONFIG_FILE="+filepath.Join(n.data, "no-config"), "AWS_DEFAULT_REGION="+region, "AWS_PAGER=",
	)
	return run(t, cli)
}

// run runs a command that must succeed, and returns what it printed, trimmed.
func run(t testing.TB, cmd *exec.Cmd) string {
	t.Helper()
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	printed, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s%s", strings.Join(cmd.Args, " "), err, printed, stderr.String())
	}
	return strings.TrimSpace(string(printed))
}
