package sqltext

// ownSyntax maps words of special syntax to the settings that they set.
var ownSyntax = map[string]string{
	"authorization": "session_authorization",
	"schema":        "search_path",
	"names":         "client_encoding",
	"catalog":       "catalog",
	"xml":           "xmloption",
}

// setting stores the setting that is named n items ahead as the target.
func (a *analysis) setting(n int) {
	a.step(n)
	a.st.Target = string(appendLower(nil, a.settingName())) // quoted or not
	a.i = len(a.items)
}

func (a *analysis) settingName() string {
	if a.key(0) == kwSession && a.key(1) == kwCharacteristics {
		return "session characteristics"
	}
	session := a.key(0) == kwSession && a.isName(1)
	if session {
		a.step(1)
	}
	if a.accept(kwTime, kwZone) {
		return "timezone"
	}
	if !a.isName(0) {
		return ""
	}
	name := a.spelling()
	a.step(1)
	if full, ok := ownSyntax[name]; ok && !a.assigned() {
		return full
	}
	for a.accept('.') && a.isName(0) {
		name += "." + a.spelling()
		a.step(1)
	}
	return name
}

// assigned reports whether TO or = follows a setting's name.
func (a *analysis) assigned() bool { return a.key(0) == kwTo || a.key(0) == '=' }
