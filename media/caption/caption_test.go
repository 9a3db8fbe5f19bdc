package caption_test

import (
	"strings"
	"testing"
	"time"

	"github.com/parley/parley/media/caption"
)

func TestLinesAreWrittenAsPlayersReadThem(t *testing.T) {
	t.Parallel()
	lines := []caption.Line{
		{Start: 1500 * time.Millisecond, End: 3 * time.Second, Speaker: "Nora Lind", Text: "5 < 6 &\n so on --> there"},
		{Start: 3 * time.Second, Text: "  "},
		{Start: 75 * time.Minute, End: time.Minute, Speaker: "陳大文", Text: "好。"},
		{Start: 76 * time.Minute, End: 77 * time.Minute, Text: "nobody's"},
	}
	for format, want := range map[caption.Format]string{
		caption.VTT: "WEBVTT\n\n00:00:01.500 --> 00:00:03.000\n<v Nora Lind>5 &lt; 6 &amp; so on --&gt; there\n\n" +
			"01:15:00.000 --> 01:15:00.000\n<v 陳大文>好。\n\n01:16:00.000 --> 01:17:00.000\nnobody's\n\n",
		caption.SRT: "1\n00:00:01,500 --> 00:00:03,000\nNora Lind: 5 < 6 & so on --> there\n\n" +
			"2\n01:15:00,000 --> 01:15:00,000\n陳大文: 好。\n\n3\n01:16:00,000 --> 01:17:00,000\nnobody's\n\n",
		caption.Text: "[00:00:01] Nora Lind: 5 < 6 & so on --> there\n[01:15:00] 陳大文: 好。\n[01:16:00] nobody's\n",
	} {
		var out strings.Builder
		if err := caption.Write(&out, format, lines); err != nil {
			t.Fatal(err)
		}
		if out.String() != want {
			t.Errorf("%s:\n%s\nwant:\n%s", format, out.String(), want)
		}
	}
}
