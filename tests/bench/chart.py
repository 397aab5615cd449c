"""(chart)"""
def svg(results, facts):
    return ""
