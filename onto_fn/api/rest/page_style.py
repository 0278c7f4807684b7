"""The style of the documentation's page; dark where the reader's system is."""

STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --soft: #4a5560; --paper: #ffffff;
  --shade: #f3f5f7; --line: #c8d0d8; --link: #0b57a4; --get: #0a6640; --head: #5b4a9c;
  --put: #8f4700; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8ecf0; --soft: #b4bec8; --paper: #14181c; --shade: #1f252b; --line: #46515c;
    --link: #8cc2ff; --get: #6fdcaa; --head: #c3b4ff; --put: #ffb873; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 64rem; padding: 1rem; background: var(--paper);
  color: var(--ink); font: 1rem/1.55 system-ui, sans-serif; overflow-wrap: break-word; }
a { color: var(--link); }
a:focus-visible, pre:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
.skip { position: absolute; left: -99rem; }
.skip:focus { left: 1rem; background: var(--paper); padding: .5rem; }
h2 { border-bottom: 1px solid var(--line); margin-top: 3rem; padding-bottom: .3rem; }
h3 { margin: 2rem 0 .5rem; font-size: 1.1rem; }
h4 { margin: 1.2rem 0 .4rem; font-size: 1rem; color: var(--soft); }
code, pre { font: .9em/1.5 ui-monospace, monospace; }
pre { background: var(--shade); border: 1px solid var(--line); border-radius: 4px; padding: .8rem;
  overflow-x: auto; white-space: pre; overflow-wrap: normal; }
.method { font-weight: 700; }
.get { color: var(--get); } .head { color: var(--head); } .put { color: var(--put); }
table { border-collapse: collapse; width: 100%; }
caption { position: absolute; left: -99rem; }
th, td { border-bottom: 1px solid var(--line); padding: .35rem .6rem .35rem 0; text-align: left;
  vertical-align: top; }
th { white-space: nowrap; }
th[scope=row] { font-weight: 600; }
td { min-width: 4rem; overflow-wrap: anywhere; }
td p { margin: 0 0 .3rem; }
thead th { color: var(--soft); }
nav ul { columns: 2 20rem; padding-left: 1.2rem; }
"""
