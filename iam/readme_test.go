package iam

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestReadmeListsOperations keeps the README's table in step with the index.
func TestReadmeListsOperations(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	row := regexp.MustCompile(`(?m)^\| IAM \| (.*) \|$`).FindSubmatch(readme)
	if row == nil {
		t.Fatal("README.md has no table with a row of IAM")
	}
	var names []string
	for _, op := range (&Service{}).operations() {
		names = append(names, op.Name)
	}
	if diff := cmp.Diff(strings.Join(names, ", "), string(row[1])); diff != "" {
		t.Errorf("README.md, -want +got:\n%s", diff)
	}
}
