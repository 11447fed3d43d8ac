"""Reports and verdicts to HTML, SVG and Markdown: how what is true looks."""
