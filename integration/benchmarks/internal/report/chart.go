package report

import (
	"fmt"
	"html"
	"slices"
	"strings"
)

// The measures of a chart, in pixels.
const (
	panelWidth  = 430
	labelWidth  = 165
	barWidth    = 165 // of the longest bar
	barHeight   = 14
	barStep     = 20
	titleHeight = 30
	margin      = 16
)

const svgHead = `<svg xmlns="http://www.w3.org/2000/svg" width="%[1]d" height="%[2]d" viewBox="0 0 %[1]d %[2]d" role="img">
<title>headrace beside other libraries</title>
<style>
text { font: 12px sans-serif; fill: #24292f }
.title { font-weight: bold }
.own { fill: #0969da }
.other { fill: #afb8c1 }
</style>
<rect width="100%%" height="100%%" fill="#ffffff"/>
`

// Chart draws the numbers of README.md as bars, a panel each, two beside each
// other. Each panel has its own scale, which begins at 0.
func Chart(runs []Run) (string, error) {
	f := figuresOf(runs)
	var b strings.Builder
	y := margin
	for pair := range slices.Chunk(numbers, 2) {
		most := 0
		for i, n := range pair {
			if err := n.panel(&b, f, margin+i*panelWidth, y); err != nil {
				return "", err
			}
			most = max(most, 1+len(n.peers))
		}
		y += titleHeight + most*barStep + margin
	}
	fmt.Fprintf(&b, "<text x=\"%d\" y=\"%d\">Less is better unless noted. Each panel has a scale of its own, from 0.</text>\n", margin, y)
	y += margin
	return fmt.Sprintf(svgHead, 2*panelWidth+margin, y) + b.String() + "</svg>\n", nil
}

func (n number) panel(b *strings.Builder, f figures, x, y int) error {
	own, their, err := n.values(f)
	if err != nil {
		return err
	}
	longest := max(own, slices.Max(their))
	title := n.label
	if n.table.more {
		title += " (more is better)"
	}
	fmt.Fprintf(b, "<text class=\"title\" x=\"%d\" y=\"%d\">%s</text>\n", x, y+12, html.EscapeString(title))
	bar := func(i int, class, label string, v float64) {
		top := y + titleHeight + i*barStep - 8
		width := max(1, v/longest*barWidth)
		fmt.Fprintf(b, "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">%s</text>\n", x+labelWidth-6, top+11, html.EscapeString(label))
		fmt.Fprintf(b, "<rect class=\"%s\" x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"%d\"/>\n", class, x+labelWidth, top, width, barHeight)
		fmt.Fprintf(b, "<text x=\"%.1f\" y=\"%d\">%s</text>\n", float64(x+labelWidth)+width+4, top+11, n.text(v))
	}
	bar(0, "own", "headrace", own)
	for i, p := range n.peers {
		bar(i+1, "other", p.label, their[i])
	}
	return nil
}
