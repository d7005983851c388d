package cognito

import (
	"fmt"
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
	row := regexp.MustCompile(`(?m)^\| identity pools \| (.*) \|$`).FindSubmatch(readme)
	if row == nil {
		t.Fatal("README.md has no table with a row of identity pools")
	}
	var names []string
	for _, op := range (&Service{}).Operations() {
		names = append(names, op.Name)
	}
	want := fmt.Sprintf("all %d: %s", len(names), strings.Join(names, ", "))
	if diff := cmp.Diff(want, string(row[1])); diff != "" {
		t.Errorf("README.md, -want +got:\n%s", diff)
	}
}
