const content = JSON.parse(document.getElementById("content").textContent);
drawCharts(content.charts);
