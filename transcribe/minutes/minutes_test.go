package minutes_test

import (
	"context"
	"strings"
	"testing"

	"github.com/parley/parley"
	"github.com/parley/parley/transcribe/minutes"
)

// mustFind mines one meeting written as a transcript record.
func mustFind(t *testing.T, record string) minutes.Findings {
	t.Helper()
	rules, err := minutes.New()
	if err != nil {
		t.Fatal(err)
	}
	var findings minutes.Findings
	err = minutes.ReadRecords("test", strings.NewReader(record), func(tr parley.Transcript) error {
		var err error
		findings, err = rules.Find(context.Background(), &tr)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return findings
}

func TestADepartmentOwnsWhatItIsToHandIn(t *testing.T) {
	t.Parallel()
	found := mustFind(t, `{"meeting":"m","start":"2025-06-30T14:30:00+08:00","tz":"Asia/Hong_Kong",`+
		`"participants":[{"id":"p1","name":"林志明"}],`+
		`"utterances":[{"id":"u0001","speaker":"p1","start":3,"end":6,"text":"財務部下週提交預算草案"}]}`)
	if len(found.Items) != 1 {
		t.Fatalf("%d items, want 1", len(found.Items))
	}
	item := found.Items[0]
	if item.Owner.Name != "財務部" || item.Task != "提交預算草案" || item.Quote != "財務部下週提交預算草案" {
		t.Errorf("owner %q, task %q, quote %q", item.Owner.Name, item.Task, item.Quote)
	}
	if item.Due == nil || item.Due.Text != "下週" || item.Due.Date != "2025-07-11" ||
		item.Due.Earliest != "2025-07-07" || item.Due.Latest != "2025-07-13" {
		t.Errorf("due %+v", item.Due)
	}
}
