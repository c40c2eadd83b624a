package deepcopy

import "sync"

const (
	// handleBytes is what package unique keeps for a value beside it.
	handleBytes = 192

	// Programs have a few values of package unique that are everywhere, such as
	// the zone of their addresses. They are not charged to each kept value.
	commonHandles = 64
	commonText    = 64 // and are no longer than that
)

// common are the addresses of those, the first ones met. They may have been given
// to other values since.
var common struct {
	mu sync.Mutex
	at map[uintptr]struct{} // guarded by mu
}

// findHandle counts the text of what package unique has made, which stays as
// long as anybody has it. Values without text are few.
func (c *copier) findHandle(p *part, at cell) {
	held := at.pointee()
	if held.isNil() {
		return
	}
	method, _ := p.typ.MethodByName("Value")
	value := method.Type.Out(0)
	var texts int64
	for _, q := range planOf(value, owning).parts {
		if q.op == text {
			texts += int64(len(*atString(held.add(q.offset))))
		}
	}
	if texts == 0 || texts <= commonText && isCommon(held) {
		return
	}
	c.extra += texts + int64(value.Size()) + handleBytes
}

func isCommon(held cell) bool {
	common.mu.Lock()
	defer common.mu.Unlock()
	if _, ok := common.at[held.address()]; ok {
		return true
	}
	if len(common.at) == commonHandles {
		return false
	}
	if common.at == nil {
		common.at = make(map[uintptr]struct{})
	}
	common.at[held.address()] = struct{}{}
	return true
}
